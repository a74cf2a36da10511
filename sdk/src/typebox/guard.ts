export * from 'typebox/guard'
